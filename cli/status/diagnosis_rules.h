// The rules of the diagnosis. Each looks at the facts for one kind of cause and adds what it finds; `found` has what
// the rules before it have found, so that a symptom is not told as a second cause.
#ifndef DOWNPOUR_CLI_STATUS_DIAGNOSIS_RULES_H_
#define DOWNPOUR_CLI_STATUS_DIAGNOSIS_RULES_H_

#include <string>
#include <vector>

#include "cli/status/diagnosis.h"
#include "cli/status/job_facts.h"

namespace downpour {

using Findings = std::vector<Finding>;

// ---- Limits. Figures of a healthy job vary by 20 % to either side, so two of them by 1.2 / 0.8 = 1.5.

// A worker computes so many times as long as the others of its kind.
inline constexpr double kStragglerRatio = 1.6;
// The same, of one that also tells its status late.
inline constexpr double kHeldUpRatio = 1.3;
// Of a worker's time.
inline constexpr double kStarvingShare = 0.3;
inline constexpr double kWaitingShare = 0.25;
inline constexpr double kEvaluationShare = 0.3;
inline constexpr double kCommunicationShare = 0.4;
// Nobody is convicted of being slow to answer where workers wait less than this for answers.
inline constexpr double kImpactShare = 0.15;
// Round trips and pushes: so many times the others', and longer than this.
inline constexpr double kRoundTripRatio = 4;
inline constexpr double kRoundTripSeconds = 0.02;
inline constexpr double kPushRatio = 3;
inline constexpr double kPushSeconds = 0.01;
// Where there is no other server to compare with.
inline constexpr double kLoneRoundTripSeconds = 0.05;
// Of a process that waits for the processor: less than this share of what it wants.
inline constexpr double kDeniedShare = 0.75;
inline constexpr double kOverloadRatio = 1.25;

// Servers that do not answer, workers that are suspect or dead.
void FindLostTasks(const JobFacts& facts, Findings* found);
// Nothing moves at all.
void FindStandstill(const JobFacts& facts, Findings* found);
// Workers that compute longer than their peers.
void FindStragglers(const JobFacts& facts, Findings* found);
// Workers that wait for batches, for leases, or evaluate.
void FindStarvingReaders(const JobFacts& facts, Findings* found);
void FindWaitingForWork(const JobFacts& facts, Findings* found);
void FindEvaluation(const JobFacts& facts, Findings* found);
// Machines that are asked for more than they have.
void FindOverloadedHosts(const JobFacts& facts, Findings* found);
// Servers that are slow to everybody, shards that pushes queue up for.
void FindSlowServers(const JobFacts& facts, Findings* found);
void FindHotShards(const JobFacts& facts, Findings* found);
// The way of one worker to one server, or to all.
void FindSlowLinks(const JobFacts& facts, Findings* found);
void FindBrokenLinks(const JobFacts& facts, Findings* found);
// Much time between workers and servers, and nobody who stands out.
void FindCommunication(const JobFacts& facts, Findings* found);
// Work that is thrown away, or worth less.
void FindRefusals(const JobFacts& facts, Findings* found);
void FindLateGradients(const JobFacts& facts, Findings* found);
void FindStaleness(const JobFacts& facts, Findings* found);

bool HasFinding(const Findings& found, const std::string& cause, const std::string& subject);

}  // namespace downpour

#endif  // DOWNPOUR_CLI_STATUS_DIAGNOSIS_RULES_H_
