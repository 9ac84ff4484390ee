-- Counts the messages between two positions by connection and span of time; short spans for what came lately.
-- $1 behind which position, $2 up to which, $3 from when in short spans, $4 from when in long ones, $5 now,
-- $6 seconds of a short span, $7 of a long one.
INSERT INTO variance_data.arrivals AS a (connection_id, span_seconds, started_at, messages, last_at)
SELECT
    m.connection_id, s.span_seconds,
    date_bin(make_interval(secs => s.span_seconds), least(m.received_at, $5), 'epoch') AS started_at,
    count(*), max(least(m.received_at, $5))
FROM variance_data.messages m
CROSS JOIN (VALUES ($6::integer, $3::timestamptz), ($7, $4)) AS s (span_seconds, since)
WHERE m.position > $1 AND m.position <= $2 AND m.received_at >= s.since
GROUP BY 1, 2, 3
ON CONFLICT (span_seconds, connection_id, started_at) DO UPDATE SET
    messages = a.messages + excluded.messages,
    last_at = greatest(a.last_at, excluded.last_at)
