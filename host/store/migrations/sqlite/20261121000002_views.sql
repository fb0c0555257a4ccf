-- The same, as others keep it.

create view if not exists claims as
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
create view if not exists call_logs as
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
        select group_concat(line.text, ' ')
        from (
            select text
            from turns
            where conversation_id = numbered.conversation_id
                and turn = numbered.turn
                and speaker = 'agent'
                and text <> ''
            order by position
        ) line
    ), '') as ai_response,
    numbered.created_at
from (
    select conversation_id, turn, min(created_at) as created_at
    from turns
    group by conversation_id, turn
) numbered
join conversations on conversations.id = numbered.conversation_id;
