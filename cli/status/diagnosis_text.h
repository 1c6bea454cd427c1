// A diagnosis for people, and for programs.
#ifndef DOWNPOUR_CLI_STATUS_DIAGNOSIS_TEXT_H_
#define DOWNPOUR_CLI_STATUS_DIAGNOSIS_TEXT_H_

#include <string>

#include "cli/status/diagnosis.h"

namespace downpour {

// Findings, worst first, each with its evidence; or that nothing is wrong. Lines with their ends.
std::string DiagnosisText(const Diagnosis& diagnosis);

// One object on one line, without its end; docs/monitoring.md names each field.
std::string DiagnosisJson(const Diagnosis& diagnosis);

}  // namespace downpour

#endif  // DOWNPOUR_CLI_STATUS_DIAGNOSIS_TEXT_H_
