-- SHA-256 of the key that signed the request for the profile: the device's own,
-- given by Apple. Zeros when nothing signed it. Who asks for another's serial
-- number crowds out nobody's requests but his own.
ALTER TABLE enrollments ADD COLUMN signer_sha256 BLOB NOT NULL
    DEFAULT x'0000000000000000000000000000000000000000000000000000000000000000';
