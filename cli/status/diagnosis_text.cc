#include "cli/status/diagnosis_text.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "cli/status/figure_text.h"
#include "nlohmann/json.hpp"

namespace downpour {
namespace {

// The worst are enough; who has so many has one cause for them all.
constexpr size_t kFindingsMax = 20;

std::string CostText(double lost) {
  if (lost < 0.01) return "costs no speed";
  return absl::StrCat("costs about ", ShareText(lost), " of the job's speed");
}

std::string HealthText(const Diagnosis& diagnosis) {
  if (diagnosis.finished) return "The run is over.\n";
  if (diagnosis.workers == 0) return "There is nothing to look at: no worker tells how it fares.\n";
  std::string text = absl::StrCat("Nothing is wrong. ", WholeText(diagnosis.workers),
                                  diagnosis.workers == 1 ? " worker computes " : " workers compute ",
                                  ShareText(diagnosis.compute), " of the time");
  return absl::StrCat(text, "; ", ShareText(diagnosis.data), " goes to data, ", ShareText(diagnosis.communication),
                      " to pushes and pulls, ", ShareText(diagnosis.wait), " to waiting for leases.\n");
}

nlohmann::ordered_json NumberOrNull(double value) {
  return std::isnan(value) ? nlohmann::ordered_json(nullptr) : nlohmann::ordered_json(value);
}

}  // namespace

std::string DiagnosisText(const Diagnosis& diagnosis) {
  std::string text = diagnosis.findings.empty() ? HealthText(diagnosis) : "";
  for (size_t i = 0; i < std::min(diagnosis.findings.size(), kFindingsMax); ++i) {
    const Finding& finding = diagnosis.findings[i];
    absl::StrAppend(&text, i > 0 ? "\n" : "", i + 1, ". ", finding.summary, " (", CostText(finding.lost), ")\n");
    for (const std::string& evidence : finding.evidence) absl::StrAppend(&text, "   - ", evidence, "\n");
    if (!finding.advice.empty()) absl::StrAppend(&text, "   What to do: ", finding.advice, ".\n");
  }
  if (diagnosis.findings.size() > kFindingsMax) {
    absl::StrAppend(&text, "\nand ", diagnosis.findings.size() - kFindingsMax, " more\n");
  }
  if (!diagnosis.notes.empty()) text += "\n";
  for (const std::string& note : diagnosis.notes) absl::StrAppend(&text, "Note: ", note, ".\n");
  return text;
}

std::string DiagnosisJson(const Diagnosis& diagnosis) {
  using Json = nlohmann::ordered_json;
  Json findings = Json::array();
  for (size_t i = 0; i < std::min(diagnosis.findings.size(), kFindingsMax); ++i) {
    const Finding& finding = diagnosis.findings[i];
    Json figures = Json::object();
    for (const auto& [name, value] : finding.figures) figures[name] = NumberOrNull(value);
    Json object = Json::object();
    object["cause"] = finding.cause;
    object["subject"] = finding.subject;
    object["lost"] = NumberOrNull(finding.lost);
    object["summary"] = finding.summary;
    object["evidence"] = finding.evidence;
    object["advice"] = finding.advice;
    object["figures"] = std::move(figures);
    findings.push_back(std::move(object));
  }
  Json shares = Json::object();
  shares["data"] = NumberOrNull(diagnosis.data);
  shares["compute"] = NumberOrNull(diagnosis.compute);
  shares["communication"] = NumberOrNull(diagnosis.communication);
  shares["wait"] = NumberOrNull(diagnosis.wait);
  Json object = Json::object();
  object["seconds"] = NumberOrNull(diagnosis.seconds);
  object["workers"] = NumberOrNull(diagnosis.workers);
  object["finished"] = diagnosis.finished;
  object["shares"] = std::move(shares);
  object["findings"] = std::move(findings);
  object["notes"] = diagnosis.notes;
  return object.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace downpour
