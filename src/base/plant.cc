#include "base/plant.h"

#ifdef QUORATE_PLANTS
#include <string>

namespace quorate {
namespace {

std::string& active() {
  static std::string name;
  return name;
}

}  // namespace

bool plant_active(std::string_view name) { return active() == name; }
void activate_plant(std::string_view name) { active() = name; }

}  // namespace quorate
#endif
