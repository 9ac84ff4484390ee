-- Tells whether migrations were ever applied to this database.
SELECT to_regclass('public._pogo_migration') IS NOT NULL
