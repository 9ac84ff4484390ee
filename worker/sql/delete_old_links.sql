-- Forgets links that are not good any more.
-- $1 now.
DELETE FROM variance_data.sign_in_links l WHERE l.expires_at <= $1
