"""Reading and writing Postgres: values in, values out, one function a statement. Nothing here decides anything."""
