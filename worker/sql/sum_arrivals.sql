-- Sums up what connections received: in the last minute, hour and day, and when the last message came.
-- $1 now, $2 seconds of a short span, $3 of a long one, $4 connections.
SELECT
    n.id AS connection_id,
    coalesce(s.minute, 0)::bigint AS last_minute, coalesce(s.hour, 0)::bigint AS last_hour,
    coalesce(l.day, 0)::bigint AS last_day, greatest(s.last_at, l.last_at) AS last_at
FROM unnest($4::text[]) AS n (id)
CROSS JOIN LATERAL (
    SELECT sum(a.messages) FILTER (WHERE a.started_at > $1::timestamptz - '60 seconds'::interval) AS minute,
        sum(a.messages) AS hour, max(a.last_at) AS last_at
    FROM variance_data.arrivals a
    WHERE a.span_seconds = $2 AND a.connection_id = n.id AND a.started_at > $1::timestamptz - '1 hour'::interval
) s
CROSS JOIN LATERAL (
    SELECT sum(a.messages) FILTER (WHERE a.started_at > $1::timestamptz - '1 day'::interval) AS day, max(a.last_at) AS last_at
    FROM variance_data.arrivals a
    WHERE a.span_seconds = $3 AND a.connection_id = n.id
) l
