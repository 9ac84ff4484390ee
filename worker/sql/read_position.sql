-- Reads how far the message log's positions have come.
SELECT CASE WHEN s.is_called THEN s.last_value ELSE 0 END FROM variance_data.messages_position_seq s
