#include "worker/client/client_core.h"

namespace downpour {
namespace {

// Of a round trip in the moving mean.
constexpr double kWeightOfLast = 0.2;

}  // namespace

void ClientCore::DescribeLinks(wire::WorkerLoad* load) {
  for (const auto& [id, server] : servers_) {
    if (server->incarnation == 0) continue;
    const LinkTally& tally = server->tally;
    wire::LinkLoad& link = *load->add_links();
    link.set_server(id);
    link.set_address(server->carrier->address());
    link.set_carrier(std::string(server->carrier->name()));
    link.set_connected(server->ready);
    link.set_reconnects(tally.disconnects);
    link.set_bytes_pushed(tally.push_bytes);
    link.set_bytes_pulled(tally.pull_bytes);
    link.set_bytes_in_flight(server->in_flight);
    link.set_round_trip_seconds(absl::ToDoubleSeconds(tally.round_trip.value_or(absl::ZeroDuration())));
    link.set_pushes_acknowledged(tally.pushes);
    link.set_push_seconds(absl::ToDoubleSeconds(tally.push_time));
    link.set_pulls_answered(tally.pulls);
    link.set_pull_seconds(absl::ToDoubleSeconds(tally.pull_time));
  }
}

void ClientCore::CountRoundTrip(ServerState* server, absl::Duration time) {
  std::optional<absl::Duration>& mean = server->tally.round_trip;
  mean = mean.has_value() ? *mean + (time - *mean) * kWeightOfLast : time;
}

}  // namespace downpour
