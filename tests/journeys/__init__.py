"""From a post to a row: through HTTP, the queue, the worker and Postgres."""
