// SPDX-License-Identifier: PostgreSQL
// Rows of statements that run on this node go into the same store, without being formed anew where
// the types agree.
#include "altius/pg/bridge.hpp"
#include "altius/pg/stored_input.hpp"
#include "altius/task/rows.hpp"

extern "C" {
#include "parser/parse_coerce.h"
#include "utils/lsyscache.h"
}

namespace altius::task {

namespace {

struct Conversion {
  bool needed;
  FmgrInfo output;
  FmgrInfo input;
  Oid input_param;
  int32 typmod;
};

struct StoreReceiver {
  DestReceiver base;  // first: PostgreSQL sees this
  RowStore* store;
  MemoryContext home;
  Conversion* conversions;  // null: none needed
};

StoreReceiver* Cast(DestReceiver* receiver) { return reinterpret_cast<StoreReceiver*>(receiver); }

void Prepare(StoreReceiver* self, TupleDesc source) {
  const TupleDesc target = self->store->desc;
  self->conversions = nullptr;
  if (source->natts != target->natts) {
    ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
                    errmsg("a shard returned %d columns where %d were expected", source->natts,
                           target->natts)));
  }
  for (int i = 0; i < target->natts; i++) {
    const Oid from = getBaseType(TupleDescAttr(source, i)->atttypid);
    const Oid to = getBaseType(TupleDescAttr(target, i)->atttypid);
    if (from == to || IsBinaryCoercible(from, to)) continue;
    if (self->conversions == nullptr) {
      self->conversions = static_cast<Conversion*>(
          MemoryContextAllocZero(self->home, sizeof(Conversion) * target->natts));
    }
    Conversion* conversion = &self->conversions[i];
    Oid function;
    bool varlena;
    conversion->needed = true;
    getTypeOutputInfo(from, &function, &varlena);
    fmgr_info_cxt(function, &conversion->output, self->home);
    getTypeInputInfo(to, &function, &conversion->input_param);
    fmgr_info_cxt(function, &conversion->input, self->home);
    conversion->typmod = TupleDescAttr(target, i)->atttypmod;
    pg::ReadAsStored(&conversion->input, to, conversion->typmod);
  }
}

void PutConverted(StoreReceiver* self, TupleTableSlot* slot) {
  slot_getallattrs(slot);
  const TupleDesc target = self->store->desc;
  auto* values = static_cast<Datum*>(palloc(sizeof(Datum) * target->natts));
  for (int i = 0; i < target->natts; i++) {
    Conversion* conversion = &self->conversions[i];
    values[i] = slot->tts_values[i];
    if (!conversion->needed || slot->tts_isnull[i]) continue;
    char* text_form = OutputFunctionCall(&conversion->output, values[i]);
    values[i] = InputFunctionCall(&conversion->input, text_form, conversion->input_param,
                                  conversion->typmod);
  }
  tuplestore_putvalues(self->store->tuples, target, values, slot->tts_isnull);
}

void Startup(DestReceiver* receiver, int, TupleDesc desc) {
  pg::Entry([&] { Prepare(Cast(receiver), desc); });
}

bool Receive(TupleTableSlot* slot, DestReceiver* receiver) {
  return pg::Entry([&] {
    StoreReceiver* self = Cast(receiver);
    if (self->conversions == nullptr) {
      tuplestore_puttupleslot(self->store->tuples, slot);
    } else {
      PutConverted(self, slot);
    }
    self->store->rows++;
    return true;
  });
}

void Nothing(DestReceiver*) {}

}  // namespace

DestReceiver* MakeReceiver(RowStore* store) {
  auto* self = static_cast<StoreReceiver*>(palloc0(sizeof(StoreReceiver)));
  self->base.receiveSlot = Receive;
  self->base.rStartup = Startup;
  self->base.rShutdown = Nothing;
  self->base.rDestroy = Nothing;
  self->base.mydest = DestTuplestore;
  self->store = store;
  self->home = CurrentMemoryContext;
  return &self->base;
}

}  // namespace altius::task
