-- Tells whether Citus is in this database.
SELECT EXISTS (SELECT FROM pg_extension x WHERE x.extname = 'citus')
