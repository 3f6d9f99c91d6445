// SPDX-License-Identifier: PostgreSQL
// Statements whose parameters no log of the node that runs them shall show.
#pragma once

namespace altius::door {

struct QuietSetting {
  const char* name;
  const char* value;
};

/// Under these settings no parameter, and no text that was made of one, gets into the server's log.  Superusers' settings.
inline constexpr QuietSetting kQuietSettings[] = {
    {"log_statement", "none"},       {"log_min_duration_statement", "-1"},      {"log_min_duration_sample", "-1"},
    {"log_parameter_max_length", "0"}, {"log_parameter_max_length_on_error", "0"}, {"log_transaction_sample_rate", "0"},
    {"pgaudit.log_parameter", "off"}, {"debug_print_parse", "off"},              {"debug_print_rewritten", "off"},
    {"debug_print_plan", "off"},     {"auto_explain.log_min_duration", "-1"}};

/// A node's calls, before and behind such a statement in one transaction, whoever the session's user is.  An error in between ends
/// the quiet with the transaction.
inline constexpr const char* kBeQuiet = "SELECT altius_internal.be_quiet(true)";
inline constexpr const char* kBeLoud = "SELECT altius_internal.be_quiet(false)";

}  // namespace altius::door
