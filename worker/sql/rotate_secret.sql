-- Gives a connection a new secret; the one before it lives on until it expires, or not at all where $3 is null.
-- $1 connection, $2 new secret's SHA-256, $3 when the old one expires.
UPDATE variance_data.connections n
SET
    previous_secret_sha256 = CASE WHEN $3::timestamptz IS NULL THEN NULL ELSE n.secret_sha256 END,
    previous_secret_expires_at = $3,
    secret_sha256 = $2
WHERE n.id = $1
