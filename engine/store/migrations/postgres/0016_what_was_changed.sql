-- What a request changed to what, where its path does not say it, such as a candidate's share. It holds nothing personal.
ALTER TABLE audit ADD COLUMN detail TEXT;
