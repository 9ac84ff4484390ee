"""Makes each call of Segment's Python SDK once: `python_calls.py SDK_FOLDER HOST KEY gzip|plain`."""

import sys

sys.path.insert(0, sys.argv[1])

from segment import analytics

analytics.host = sys.argv[2]
analytics.write_key = sys.argv[3]
analytics.gzip = sys.argv[4] == "gzip"
analytics.max_retries = 1
failures: list[object] = []
analytics.on_error = lambda error, _items: failures.append(error)

analytics.track("", "Visited", anonymous_id="visitor-1")
analytics.identify("user-1", {"email": "ada@acme.example", "seats": 3}, anonymous_id="visitor-1")
analytics.track("user-1", "Report Viewed", {"pages": 12, "ratio": float("nan")})
analytics.page("user-1", "Docs", "Pricing", {"path": "/pricing"})
analytics.screen("user-1", None, "Home", {"tab": 1})
analytics.group("user-1", 42, {"name": "Acme", "employees": 10})
analytics.alias("user-1", "user-2")
analytics.shutdown()
if failures:
    sys.exit(f"the SDK reports {failures}")
