// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "altius/pg/array.hpp"
#include "altius/remote/connection.hpp"

namespace altius::ddl {

/// Numbers for new shards of a table, none of which is that of a name which is taken in its schema on some node.
class ShardNumbers {
 public:
  /// `to_group`: by which connection other nodes are asked.
  ShardNumbers(Oid relid, remote::Connection* (*to_group)(int group));
  int64 Next();

 private:
  int64 drawn_ = 0;  // and not given out yet
  pg::Array<int64> taken_;  // in their order
};

}  // namespace altius::ddl
