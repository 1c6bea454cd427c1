#include "tests/security/test_certificates.h"

#include <sys/wait.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>

namespace downpour::testing {

TestCertificates::TestCertificates() {
  const char* const scratch = std::getenv("TEST_TMPDIR");
  std::string pattern = std::string(scratch != nullptr ? scratch : "/tmp") + "/certificates-XXXXXX";
  if (mkdtemp(pattern.data()) == nullptr) {
    complaint_ = "there is no folder to be had";
    return;
  }
  folder_ = pattern;
  if (std::string output; Make("", &output) != 0) complaint_ = "deploy/make_certs.sh: " + output;
}

TestCertificates::~TestCertificates() {
  std::error_code ignored;
  if (!folder_.empty()) std::filesystem::remove_all(folder_, ignored);
}

int TestCertificates::Make(const std::string& arguments, std::string* output) const {
  FILE* const pipe = popen(("deploy/make_certs.sh '" + folder_ + "' " + arguments + " 2>&1").c_str(), "r");
  if (pipe == nullptr) return -1;
  char buffer[256];
  while (std::fgets(buffer, sizeof(buffer), pipe) != nullptr) {
    if (output != nullptr) output->append(buffer);
  }
  const int status = pclose(pipe);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

SecurityOptions TestCertificates::Options(const std::string& name) const {
  SecurityOptions options;
  options.trusted_ca_file = file("ca.crt");
  if (name.empty()) return options;
  options.cert_file = file(name + ".crt");
  options.key_file = file(name + ".key");
  return options;
}

}  // namespace downpour::testing
