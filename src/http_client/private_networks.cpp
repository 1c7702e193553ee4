#include "http_client/private_networks.h"

#include <algorithm>
#include <cstdint>
#include <iterator>

namespace ferrum::http_client {
namespace {

namespace ip = boost::asio::ip;

constexpr uint32_t ipv4(uint32_t a, uint32_t b, uint32_t c, uint32_t d) {
  return a << 24 | b << 16 | c << 8 | d;
}

struct Network {
  uint32_t address;
  int bits;  // of the prefix
};
constexpr Network kPrivate[] = {
    {ipv4(0, 0, 0, 0), 8},      {ipv4(10, 0, 0, 0), 8},
    {ipv4(100, 64, 0, 0), 10},  {ipv4(127, 0, 0, 0), 8},
    {ipv4(169, 254, 0, 0), 16}, {ipv4(172, 16, 0, 0), 12},
    {ipv4(192, 0, 0, 0), 24},   {ipv4(192, 168, 0, 0), 16},
    {ipv4(224, 0, 0, 0), 3},  // multicast, reserved, broadcast
};

bool is_private(uint32_t address) {
  return std::any_of(std::begin(kPrivate), std::end(kPrivate),
                     [&](const Network& n) { return (address ^ n.address) >> (32 - n.bits) == 0; });
}

bool is_private(const ip::address_v6::bytes_type& bytes) {
  const auto zeros = [&](size_t begin, size_t end) {
    return std::all_of(bytes.begin() + begin, bytes.begin() + end, [](unsigned char b) { return b == 0; });
  };
  const auto ipv4_at = [&](size_t i) { return ipv4(bytes[i], bytes[i + 1], bytes[i + 2], bytes[i + 3]); };
  if (zeros(0, 10) && bytes[10] == 0xff && bytes[11] == 0xff)
    return is_private(ipv4_at(12));                  // ::ffff:0:0/96
  if (zeros(0, 12)) return is_private(ipv4_at(12));  // ::, ::1 and the deprecated ::/96
  if (bytes[0] == 0 && bytes[1] == 0x64 && bytes[2] == 0xff && bytes[3] == 0x9b)
    return !zeros(4, 12) || is_private(ipv4_at(12));  // 64:ff9b::/96, and 64:ff9b:1::/48 for local use
  if (bytes[0] == 0x20 && bytes[1] == 0x02) return is_private(ipv4_at(2));  // 6to4: 2002::/16
  return (bytes[0] & 0xfe) == 0xfc ||                                       // fc00::/7
         (bytes[0] == 0xfe && (bytes[1] & 0x80) == 0x80) ||  // fe80::/10 and the deprecated fec0::/10
         bytes[0] == 0xff;                                   // multicast
}

}  // namespace

bool is_private(const ip::address& address) {
  return address.is_v4() ? is_private(address.to_v4().to_uint()) : is_private(address.to_v6().to_bytes());
}

}  // namespace ferrum::http_client
