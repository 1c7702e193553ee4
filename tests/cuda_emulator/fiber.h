// Switching stacks: what a call may clobber is saved by the compiler, the rest here.
#pragma once

extern "C" void gpu_emulator_switch(void** save, void* to);
extern "C" void gpu_emulator_thread();  // what runs on a fresh stack; never returns

namespace gpu::emulated {

// A stack pointer that gpu_emulator_switch can go to; `top` is the end of the stack.
void* fresh_stack(void* top);

}  // namespace gpu::emulated
