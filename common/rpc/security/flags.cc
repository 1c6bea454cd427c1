#include "common/rpc/security/flags.h"

namespace downpour {
namespace {

void RegisterFiles(CLI::App* app, SecurityOptions* options, const char* trusted) {
  app->add_option("--cert_file", options->cert_file, "This process's certificate (PEM); turns TLS on")
      ->group("Security");
  app->add_option("--key_file", options->key_file, "Its private key (PEM)")->group("Security");
  app->add_option("--trusted_ca_file", options->trusted_ca_file, trusted)->group("Security");
}

void RegisterClientCertAuth(CLI::App* app, SecurityOptions* options) {
  app->add_flag("--client_cert_auth", options->client_cert_auth, "Who comes must show a certificate")
      ->group("Security");
}

void RegisterPlaintext(CLI::App* app, SecurityOptions* options, const char* what) {
  app->add_flag("--insecure_allow_plaintext", options->insecure_allow_plaintext, what)->group("Security");
}

}  // namespace

void RegisterServerSecurity(CLI::App* app, SecurityOptions* options) {
  RegisterFiles(app, options, "The CAs by which workers are known (PEM)");
  RegisterClientCertAuth(app, options);
  RegisterPlaintext(app, options, "Listen without TLS where other machines can reach it");
}

void RegisterClientSecurity(CLI::App* app, SecurityOptions* options) {
  RegisterFiles(app, options, "The CAs by which servers are known (PEM)");
  RegisterPlaintext(app, options, "Speak without TLS to other machines");
}

void RegisterPeerSecurity(CLI::App* app, SecurityOptions* options) {
  RegisterFiles(app, options, "The CAs by which the others are known (PEM)");
  RegisterClientCertAuth(app, options);
  RegisterPlaintext(app, options, "Speak and listen without TLS where other machines can reach it");
}

}  // namespace downpour
