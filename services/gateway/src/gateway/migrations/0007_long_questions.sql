-- A question may be longer than an entry of an index: it is told apart by its digest.

alter table questions drop constraint questions_set_id_question_key;
create unique index questions_told_apart on questions (set_id, md5(question));
