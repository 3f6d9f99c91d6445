# Builds the extension with PGXS.  `make install` and `make PG_CONFIG=...` work as for any extension; the tests are run by
# test/run, which starts the cluster they need.
EXTENSION   = altius
EXTVERSION  = 1.0
MODULE_big  = altius

override with_llvm = no
SRCS        = $(sort $(wildcard src/*/*.cpp src/*/*/*.cpp))
OBJS        = $(SRCS:.cpp=.o)
DATA_built  = sql/altius--$(EXTVERSION).sql
DATA        = $(wildcard sql/upgrade/altius--*--*.sql)

PG_CONFIG  ?= pg_config
PG_CPPFLAGS = -Iinclude -isystem $(shell $(PG_CONFIG) --includedir)
PG_CXXFLAGS = -std=c++20 -fvisibility=hidden -fvisibility-inlines-hidden -Wall -Wextra -Wno-register \
              -Wno-missing-field-initializers -Wno-cast-function-type -MMD -MP $(EXTRA_CXXFLAGS)
SHLIB_LINK  = -lpq -lstdc++
EXTRA_CLEAN = $(SRCS:.cpp=.d) sql/altius--$(EXTVERSION).sql

PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

# Server headers are C and not ours to warn about.
override CPPFLAGS := $(subst -I$(includedir_server),-isystem $(includedir_server),$(CPPFLAGS))

-include $(SRCS:.cpp=.d)

# The install script is the parts in the order of their numbers.
sql/altius--$(EXTVERSION).sql: $(sort $(wildcard sql/install/*.sql))
	cat $^ > $@
