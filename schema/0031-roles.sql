-- What an administrator may do (lib/admin/admin_actor.c). Part of the row's
-- HMAC unless it is admin, the only role that there was before, so that rows of
-- before stay authentic.
ALTER TABLE admins ADD COLUMN role TEXT NOT NULL DEFAULT 'admin'
    CHECK (role IN ('observer', 'maintainer', 'admin', 'gitops'));
