// SPDX-License-Identifier: PostgreSQL
#include "altius/core/txn/named_standbys.hpp"

#include <algorithm>

namespace altius::core {
namespace {

char Lower(char letter) noexcept { return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter; }

bool IsSame(std::string_view one, std::string_view other) noexcept {
  return std::equal(one.begin(), one.end(), other.begin(), other.end(), [](char a, char b) { return Lower(a) == Lower(b); });
}

bool Has(std::span<const Progress> all, int pid, std::uint64_t end) noexcept {
  return std::any_of(all.begin(), all.end(), [&](const Progress& one) { return one.pid == pid && one.position >= end; });
}

}  // namespace

NamedStandbys ReadNamedStandbys(std::string_view list, std::int64_t quorum) {
  NamedStandbys standbys;
  while (!list.empty()) {
    const std::string_view name = list.substr(0, list.find(','));
    list.remove_prefix(std::min(list.size(), name.size() + 1));
    if (!name.empty()) standbys.names.emplace_back(name);
  }
  const auto count = static_cast<std::int64_t>(standbys.names.size());
  standbys.needed = static_cast<int>(count - std::clamp<std::int64_t>(quorum, 0, std::max<std::int64_t>(0, count - 1)));
  return standbys;
}

std::vector<NamedSender> SendersOf(const NamedStandbys& standbys, std::span<const Client> clients) {
  std::vector<NamedSender> senders;
  for (const Client& client : clients) {
    for (std::size_t i = 0; i < standbys.names.size(); i++) {
      if (IsSame(standbys.names[i], client.name)) senders.push_back({client.pid, static_cast<int>(i)});
    }
  }
  return senders;
}

bool HaveNamed(std::span<const NamedSender> senders, int needed, std::span<const Progress> all, std::uint64_t end) noexcept {
  int count = 0;
  for (std::size_t i = 0; i < senders.size(); i++) {
    const auto counts = [&](const NamedSender& sender) { return sender.standby == senders[i].standby && Has(all, sender.pid, end); };
    const bool before = std::any_of(senders.begin(), senders.begin() + static_cast<std::ptrdiff_t>(i), counts);
    if (!before && counts(senders[i])) count++;
  }
  return needed > 0 && count >= needed;
}

}  // namespace altius::core
