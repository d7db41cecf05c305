-- What is unusual about a result, such as that it was too large to be stored;
-- and how many answers to the command could not be read.
ALTER TABLE commands ADD COLUMN note TEXT;
ALTER TABLE commands ADD COLUMN unreadable INTEGER NOT NULL DEFAULT 0;
