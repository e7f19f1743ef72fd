#include "sim/cell_history.h"

#include <algorithm>
#include <map>

namespace quorate::sim {
namespace {

using Outcome = CellOperation::Outcome;

struct Key {
  std::vector<const CellOperation*> all;
  const CellOperation* first_told = nullptr;  ///< the first answer with a value
};

std::string check_key(const std::string& name, const Key& key) {
  for (const CellOperation* one : key.all) {
    if (one->outcome == Outcome::decided) {
      if (one->value != key.first_told->value) {
        return name + " was answered as " + key.first_told->value + " and as " + one->value;
      }
    } else if (one->outcome == Outcome::not_decided && key.first_told != nullptr &&
               key.first_told->returned < one->invoked) {
      return name + " was answered as not decided to a question asked after an answer had said " +
             key.first_told->value;
    }
  }
  if (key.first_told == nullptr) {
    return {};
  }
  const bool is_proposed = std::ranges::any_of(key.all, [&key](const CellOperation* one) {
    return one->wish == key.first_told->value && one->outcome != Outcome::refused &&
           one->invoked <= key.first_told->returned;
  });
  return is_proposed ? std::string()
                     : name + " was answered as " + key.first_told->value + ", which nobody had proposed";
}

}  // namespace

std::string check_cells(const std::vector<CellOperation>& history) {
  std::map<std::string, Key> keys;
  for (const CellOperation& one : history) {
    Key& key = keys[one.key];
    key.all.push_back(&one);
    if (one.outcome == Outcome::decided && (key.first_told == nullptr || one.returned < key.first_told->returned)) {
      key.first_told = &one;
    }
  }
  for (const auto& [name, key] : keys) {
    if (std::string wrong = check_key(name, key); !wrong.empty()) {
      return wrong;
    }
  }
  return {};
}

std::string words(const CellOperation& one) {
  std::string text = "client " + std::to_string(one.client) + " asked n" + std::to_string(one.node) + ": " +
                     (one.wish ? "propose " + one.key + " = " + *one.wish : "learn " + one.key) + " -> ";
  switch (one.outcome) {
    case Outcome::decided: return text + one.value;
    case Outcome::not_decided: return text + "nothing is decided";
    case Outcome::refused: return text + "refused";
    case Outcome::unknown: return text + "unknown";
  }
  return text;
}

}  // namespace quorate::sim
