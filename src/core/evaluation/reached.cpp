// SPDX-License-Identifier: PostgreSQL
#include "altius/core/evaluation/reached.hpp"

namespace altius::core::evaluation {

using Where = Computed::Where;

Guard GuardOf(Shape shape, Following following) {
  switch (shape) {
    case Shape::Case:
      return following == Following::Next ? Guard::True : Guard::NotTrue;
    case Shape::Coalesce:
      return Guard::Null;
    case Shape::And:
      return Guard::NotFalse;
    case Shape::Or:
      return Guard::NotTrue;
    case Shape::Filtered:
      return Guard::True;
    case Shape::All:
    case Shape::CaseOfValue:
    case Shape::InTurn:
      break;
  }
  return Guard::Unknown;
}

bool Pass(Place* place, const Condition& condition, Guard guard) {
  // Where rows decide whether the condition is reached, it raises no error beforehand either.
  const bool checked = guard != Guard::Unknown && !condition.by_rows && !(place->by_rows && condition.may_raise);
  if (checked) place->guarded = true;
  if (!checked) place->by_rows = true;
  return checked;
}

bool IsGate(const Condition& conjunct) { return !conjunct.by_rows && !conjunct.may_raise; }

Computed Compute(const Place& place, const Value& value) {
  const bool raises = value.may_raise || (value.several_rows && !value.as_array);
  if (raises && IsUncertain(place) && value.there) return {Where::There};
  if (raises && place.by_rows) return {Where::Here};
  Computed computed;
  computed.where = value.several_rows && value.as_array ? Where::SentAsArray : Where::Sent;
  computed.guarded = !value.parameter && (value.subquery || raises);
  computed.shielded = !value.parameter && (place.guarded || place.by_rows || place.within);
  return computed;
}

Place Within(const Place& place, const Computed& computed) {
  Place within = place;
  within.within = within.within || computed.where == Where::There;
  return within;
}

bool MayPrune(const Place& place, bool may_raise) { return !may_raise || !place.by_rows; }

}  // namespace altius::core::evaluation
