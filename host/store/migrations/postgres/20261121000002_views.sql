-- The same, as others keep it.

create or replace view claims as
select
    claim_id,
    claim_date,
    claim_status,
    claim_amount,
    state,
    created_at,
    id as conversation_id,
    call_sid
from conversations
where claim_id is not null;

-- A row for each turn of the caller, with what the agent said to it. What the agent said before anybody
-- had spoken comes with an empty transcription.
create or replace view call_logs as
select
    conversations.call_sid,
    coalesce((
        select said.text
        from turns said
        where said.conversation_id = numbered.conversation_id
            and said.turn = numbered.turn
            and said.speaker = 'caller'
        order by coalesce(said.revision, 0) desc, said.position desc
        limit 1
    ), '') as transcription,
    coalesce((
        select string_agg(line.text, ' ' order by line.position)
        from turns line
        where line.conversation_id = numbered.conversation_id
            and line.turn = numbered.turn
            and line.speaker = 'agent'
            and line.text <> ''
    ), '') as ai_response,
    numbered.created_at
from (
    select conversation_id, turn, min(created_at) as created_at
    from turns
    group by conversation_id, turn
) numbered
join conversations on conversations.id = numbered.conversation_id;

-- A view reads with the rights of its owner, past the row level security of the tables, unless it is told
-- otherwise; before PostgreSQL 15 it cannot be told.
do $$
begin
    if current_setting('server_version_num')::integer >= 150000 then
        execute 'alter view claims set (security_invoker = true)';
        execute 'alter view call_logs set (security_invoker = true)';
    end if;
    if exists (select from pg_roles where rolname = 'anon') then
        execute 'revoke all on claims, call_logs from anon';
    end if;
    if exists (select from pg_roles where rolname = 'authenticated') then
        execute 'revoke all on claims, call_logs from authenticated';
    end if;
end
$$;
