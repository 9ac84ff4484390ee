"""What a Redis that is away makes its client raise."""

from redis.exceptions import RedisError

REDIS_AWAY = (RedisError, OSError, TimeoutError, RuntimeError)
"""The last is uvloop's for a write to a connection that was reset just then; redis-py hands it on as it is."""
