// The diagram of roles in the README is what the table says. QUORATE_REWRITE=1 draws it anew.

#include "consensus/raft/roles.h"

#include <cstdlib>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "stories/happening.h"

namespace quorate::raft {
namespace {

using consensus::Role;

constexpr std::size_t kColumnWidth = 15;
constexpr std::string_view kBegin = "<!-- drawn from roles.h by roles_test.cc -->\n```\n";
constexpr std::string_view kEnd = "```\n<!-- end of the drawing -->\n";

std::size_t column_of(Role role) { return static_cast<std::size_t>(role) * kColumnWidth; }

/// An arrow from role to role, and the first of its causes; each other cause on a line of its own.
std::string drawn_transitions() {
  constexpr Role kRoles[] = {Role::follower, Role::pre_candidate, Role::candidate, Role::leader, Role::learner};
  const std::size_t width = std::size(kRoles) * kColumnWidth;
  std::string text;
  std::string lanes(width, ' ');
  for (const Role role : kRoles) {
    std::string name(name_of(role));
    name.resize(role == Role::learner ? name.size() : kColumnWidth, ' ');
    text += name;
    lanes[column_of(role)] = '|';
  }
  text += "\n";
  std::map<std::pair<Role, Role>, std::vector<RoleCause>> causes;
  for (const RoleTransition& one : kRoleTransitions) {
    causes[{one.from, one.to}].push_back(one.cause);
  }
  for (const auto& [roles, list] : causes) {
    std::string line = lanes;
    const std::size_t from = column_of(roles.first);
    const std::size_t to = column_of(roles.second);
    for (std::size_t i = std::min(from, to) + 1; i < std::max(from, to); ++i) {
      line[i] = line[i] == ' ' ? '-' : '+';
    }
    line[from] = 'o';
    line[to] = from < to ? '>' : '<';
    for (const RoleCause cause : list) {
      text += line + std::string(words_of(cause)) + "\n";
      line = lanes;
    }
  }
  return text;
}

std::string read_file(const char* name) {
  std::ifstream file(name, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(raft_roles, the_readme_shows_the_table) {
  const std::string readme = read_file("README.md");
  const std::size_t begin = readme.find(kBegin);
  const std::size_t end = readme.find(kEnd);
  ASSERT_NE(begin, std::string::npos) << "run this test in src/consensus/raft";
  ASSERT_NE(end, std::string::npos);
  const std::string should_be = readme.substr(0, begin + kBegin.size()) + drawn_transitions() + readme.substr(end);
  const char* rewrite = std::getenv("QUORATE_REWRITE");
  if (rewrite != nullptr && *rewrite != '\0') {
    std::ofstream("README.md", std::ios::binary) << should_be;
  } else {
    EXPECT_EQ(readme, should_be) << "QUORATE_REWRITE=1 draws it anew";
  }
}

TEST(raft_roles, a_leader_was_a_candidate_and_a_learner_first_becomes_a_follower) {
  for (const Role from : {Role::follower, Role::pre_candidate, Role::learner}) {
    EXPECT_FALSE(is_role_transition(from, Role::leader));
  }
  for (const Role to : {Role::pre_candidate, Role::candidate, Role::leader}) {
    EXPECT_FALSE(is_role_transition(Role::learner, to));
  }
  EXPECT_TRUE(is_role_transition(Role::follower, Role::follower)) << "under another leader";
}

}  // namespace
}  // namespace quorate::raft
