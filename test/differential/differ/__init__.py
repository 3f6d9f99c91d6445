# SPDX-License-Identifier: PostgreSQL
"""Random statements, run on distributed and on plain tables and compared."""
