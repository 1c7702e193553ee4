// Notifies a service manager such as systemd: the protocol of sd_notify(3), which is a datagram of
// NAME=VALUE lines to the Unix socket that NOTIFY_SOCKET names. Without that variable, nothing is sent.
#pragma once
#include <string_view>

namespace ferrum::cli {

// "READY=1", "STOPPING=1" and the like. A failure to send is not an error: the manager then times out.
void tell_service_manager(std::string_view state);

}  // namespace ferrum::cli
