// Telling a service manager such as systemd how it goes: sd_notify(3)'s protocol, which is a datagram of
// NAME=VALUE lines to the Unix socket that NOTIFY_SOCKET names. Without that variable nobody is told.
#pragma once
#include <string_view>

namespace ferrum::cli {

// "READY=1", "STOPPING=1" and the like. That it cannot be told is no error: the manager's patience ends then.
void tell_service_manager(std::string_view state);

}  // namespace ferrum::cli
