# Builds the extension with PGXS: `make` and `make install PG_CONFIG=...` as for any extension.  The tests are run by
# test/run, which starts the cluster they need; the unit tests of the PostgreSQL-free part are built by CMakeLists.txt.
EXTENSION   = altius
EXTVERSION  = 1.0
MODULE_big  = altius

# Bitcode only serves to inline small SQL functions, and doubles the time of a build.
override with_llvm = no
SRCS        = $(sort $(wildcard src/*/*.cpp src/*/*/*.cpp))
OBJS        = $(SRCS:.cpp=.o)
DATA_built  = sql/altius--$(EXTVERSION).sql
DATA        = $(wildcard sql/upgrade/altius--*--*.sql)

PG_CONFIG  ?= pg_config
PG_CPPFLAGS = -Iinclude -Isrc -DALTIUS_VERSION=\"$(EXTVERSION)\" -isystem $(shell $(PG_CONFIG) --includedir)
PG_CXXFLAGS = -std=c++20 -fvisibility=hidden -fvisibility-inlines-hidden -Wall -Wextra -Wno-register \
              -Wno-missing-field-initializers -Wno-cast-function-type -MMD -MP $(EXTRA_CXXFLAGS)
SHLIB_LINK  = -lpq -lcurl -lstdc++ -Wl,--version-script=src/exports.map
EXTRA_CLEAN = $(SRCS:.cpp=.d) $(SRCS:.cpp=.warnings) sql/altius--$(EXTVERSION).sql build

PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

# Server headers are C and not ours to warn about.
override CPPFLAGS := $(subst -I$(includedir_server),-isystem $(includedir_server),$(CPPFLAGS))

-include $(SRCS:.cpp=.d) build/server.hpp.d

# The server's headers are most of what a file has to read: they are compiled once.  The floors below them do without.
SERVER_HEADERS = build/server.hpp.gch
BARE_OBJS = $(filter src/base/% src/core/%,$(OBJS))
$(filter-out $(BARE_OBJS),$(OBJS)): $(SERVER_HEADERS)
$(filter-out $(BARE_OBJS),$(OBJS)): HEADERS = -include build/server.hpp

$(SERVER_HEADERS): build/flags
	@echo '#include "altius/pg/pg.hpp"' > build/server.hpp
	@echo $(CXX) ... -o $@
	@$(CXX) $(CXXFLAGS) $(CPPFLAGS) -MF $(@:.gch=.d) -MT $@ -x c++-header -o $@ build/server.hpp

# What the compiler says stays beside each object, so that test/run can tell a clean build from one that warned earlier.
%.o: %.cpp build/flags
	@echo $(CXX) ... -c -o $@ $<
	@$(CXX) $(CXXFLAGS) $(HEADERS) $(CPPFLAGS) -c -o $@ $< 2> $*.warnings || { cat $*.warnings >&2; exit 1; }
	@cat $*.warnings >&2

$(shlib): Makefile src/exports.map

# Another compiler, other flags or another PostgreSQL: everything is compiled again.
FLAGS := $(strip $(filter-out ccache,$(CXX)) $(CXXFLAGS) $(VERSION))
ifneq ($(shell cat build/flags 2>/dev/null),$(FLAGS))
$(shell mkdir -p build && echo '$(FLAGS)' > build/flags)
endif

# The install script is the parts in the order of their numbers.
sql/altius--$(EXTVERSION).sql: $(sort $(wildcard sql/install/*.sql))
	cat $^ > $@

# Altius under the name of Citus, for tools that ask for that name (Patroni's citus section, pg_auto_failover): CREATE
# EXTENSION citus then makes the same objects from the same library.  The library is a link, never a copy: a server that
# loads both names must see one file.
ALIAS_LIBRARY = $(DESTDIR)$(pkglibdir)/citus$(DLSUFFIX)
ALIAS_DIR = $(DESTDIR)$(datadir)/extension

.PHONY: install-citus-alias uninstall-citus-alias
install-citus-alias: install
	@if [ -e '$(ALIAS_LIBRARY)' ] && [ "$$(readlink '$(ALIAS_LIBRARY)')" != altius$(DLSUFFIX) ]; then \
	  echo '$(ALIAS_LIBRARY) exists: Citus itself is installed in this server; remove it first' >&2; exit 1; fi
	ln -sf altius$(DLSUFFIX) '$(ALIAS_LIBRARY)'
	for script in '$(ALIAS_DIR)'/altius--*.sql; do script=$${script##*/}; \
	  ln -sf "$$script" "$(ALIAS_DIR)/citus$${script#altius}"; done
	sed "s/^comment = '/&Altius under the alias citus: /" altius.control > '$(ALIAS_DIR)/citus.control'

uninstall-citus-alias:
	[ ! -L '$(ALIAS_LIBRARY)' ] || rm -f '$(ALIAS_LIBRARY)' '$(ALIAS_DIR)'/citus.control '$(ALIAS_DIR)'/citus--*.sql
