-- Forgets how much arrived long ago.
-- $1 seconds of a span, $2 until when.
DELETE FROM variance_data.arrivals a WHERE a.span_seconds = $1 AND a.started_at < $2
