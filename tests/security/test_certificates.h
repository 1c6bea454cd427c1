#ifndef DOWNPOUR_TESTS_SECURITY_TEST_CERTIFICATES_H_
#define DOWNPOUR_TESTS_SECURITY_TEST_CERTIFICATES_H_

#include <string>

#include "common/rpc/security/options.h"

namespace downpour::testing {

// Certificates as deploy/make_certs.sh makes them, in a folder of the test's own.
class TestCertificates {
 public:
  // Makes a CA and a certificate for each role in a fresh folder. Where that cannot be, complaint() says why.
  TestCertificates();
  ~TestCertificates();
  TestCertificates(const TestCertificates&) = delete;
  TestCertificates& operator=(const TestCertificates&) = delete;

  const std::string& complaint() const { return complaint_; }
  const std::string& folder() const { return folder_; }
  std::string file(const std::string& name) const { return folder_ + "/" + name; }

  // Runs the script once more, with these arguments after the folder's; what it wrote, and its exit status.
  int Make(const std::string& arguments, std::string* output = nullptr) const;

  // The options of a process with certificate NAME.crt; of none for "".
  SecurityOptions Options(const std::string& name) const;

 private:
  std::string folder_;
  std::string complaint_;
};

}  // namespace downpour::testing

#endif  // DOWNPOUR_TESTS_SECURITY_TEST_CERTIFICATES_H_
