// Addresses that the public Internet does not route.
#pragma once
#include <boost/asio/ip/address.hpp>

namespace ferrum::http_client {

// Whether an address is one of this machine, of a link, or of a private or shared network: RFC 6890's
// registries of special-purpose addresses. 198.18.0.0/15 counts as public, since some VPN clients answer
// every lookup with it. An IPv4 address inside an IPv6 address (RFC 4291, RFC 6052) counts as itself.
bool is_private(const boost::asio::ip::address& address);

}  // namespace ferrum::http_client
