-- Altius: types and schemas.
CREATE SCHEMA altius_internal;
