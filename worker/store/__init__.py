"""Reading and writing Postgres: values in, values out. What is read and written, and when, the callers decide."""
