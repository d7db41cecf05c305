-- SQLite prefers the unique index of order_id to an index that asks for NULL
-- there, and reads all certificates by SCEP. This one says nothing of orders.
DROP INDEX certificates_unused;
CREATE INDEX certificates_unused ON certificates (created_at)
    WHERE first_used_at IS NULL;
