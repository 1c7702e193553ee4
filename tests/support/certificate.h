// A certificate of its own making for 127.0.0.1 and localhost, and its key.
#pragma once
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>

namespace ferrum::test {

// Writes both as PEM.
inline void write_certificate(const std::filesystem::path& certificate, const std::filesystem::path& key) {
  constexpr long kDay = 86400;
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> pair(EVP_EC_gen("P-256"), &EVP_PKEY_free);
  const std::unique_ptr<X509, decltype(&X509_free)> x509(X509_new(), &X509_free);
  const std::unique_ptr<X509_EXTENSION, decltype(&X509_EXTENSION_free)> names(
      X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1"),
      &X509_EXTENSION_free);
  if (!pair || !x509 || !names) throw std::runtime_error("OpenSSL makes no certificate");
  X509_set_version(x509.get(), 2);  // which is called 3
  ASN1_INTEGER_set(X509_get_serialNumber(x509.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(x509.get()), -kDay);
  X509_gmtime_adj(X509_getm_notAfter(x509.get()), kDay);
  X509_set_pubkey(x509.get(), pair.get());
  X509_NAME* const name = X509_get_subject_name(x509.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("localhost"),
                             -1, -1, 0);
  X509_set_issuer_name(x509.get(), name);
  X509_add_ext(x509.get(), names.get(), -1);
  X509_sign(x509.get(), pair.get(), EVP_sha256());

  const auto write = [](const std::filesystem::path& path, const auto& write_to) {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "w"), &std::fclose);
    if (!file || write_to(file.get()) != 1) throw std::runtime_error("cannot write " + path.string());
  };
  write(certificate, [&](std::FILE* file) { return PEM_write_X509(file, x509.get()); });
  write(key, [&](std::FILE* file) {
    return PEM_write_PrivateKey(file, pair.get(), nullptr, nullptr, 0, nullptr, nullptr);
  });
}

}  // namespace ferrum::test
