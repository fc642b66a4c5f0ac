-- Sends that wait and of which nobody was told: looked for at each sweep, however many wait told.

create index sends_untold on sends (planned_at) where state = 'planned' and told_code is null;
