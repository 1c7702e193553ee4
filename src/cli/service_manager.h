// Notifies a service manager such as systemd by the protocol of sd_notify(3): a datagram of NAME=VALUE lines
// to the Unix socket in NOTIFY_SOCKET. Without that variable, sends nothing.
#pragma once
#include <string_view>

namespace ferrum::cli {

// "READY=1", "STOPPING=1" and the like. A failure to send is ignored: the manager then times out.
void notify_service_manager(std::string_view state);

}  // namespace ferrum::cli
