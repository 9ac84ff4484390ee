-- Reads how much connections received in each span.
-- $1 connections, $2 seconds of a span, $3 since when.
SELECT a.connection_id, a.started_at, a.messages
FROM variance_data.arrivals a
WHERE a.span_seconds = $2 AND a.connection_id = ANY($1::text[]) AND a.started_at >= $3
ORDER BY a.connection_id, a.started_at
