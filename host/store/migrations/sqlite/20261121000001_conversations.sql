-- What is kept of a telephone call. Decimals are text, so that they stay exact; timestamps are text
-- with fixed microseconds, so that they sort.

create table if not exists conversations (
    id text not null primary key,
    call_sid text,
    direction text,
    caller text,
    called text,
    persona text,
    language text,
    answered_by text,
    node text,
    claim_id text,
    claim_date text,
    claim_status text,
    claim_amount text,
    state text,
    fields text,
    outcome text,
    departure text,
    recording text,
    usage text,
    cost text,
    created_at text not null default (strftime('%Y-%m-%dT%H:%M:%f000Z', 'now')),
    ended_at text,
    duration_ms integer
);

create index if not exists conversations_created_at on conversations (created_at);
create index if not exists conversations_call_sid on conversations (call_sid);
create index if not exists conversations_caller on conversations (caller);
create index if not exists conversations_called on conversations (called);
create index if not exists conversations_claim_id on conversations (claim_id);

create table if not exists turns (
    conversation_id text not null references conversations (id) on delete cascade,
    position integer not null,
    turn integer,
    revision integer,
    speaker text,
    text text,
    intended text,
    ending text,
    confidence text,
    created_at text not null default (strftime('%Y-%m-%dT%H:%M:%f000Z', 'now')),
    primary key (conversation_id, position)
);

create index if not exists turns_created_at on turns (created_at);

create table if not exists call_events (
    conversation_id text not null references conversations (id) on delete cascade,
    position integer not null,
    event text,
    data text,
    created_at text not null default (strftime('%Y-%m-%dT%H:%M:%f000Z', 'now')),
    primary key (conversation_id, position)
);

create index if not exists call_events_created_at on call_events (created_at);

create table if not exists conversation_metrics (
    conversation_id text not null primary key references conversations (id) on delete cascade,
    turns integer,
    interruptions integer,
    created_at text not null default (strftime('%Y-%m-%dT%H:%M:%f000Z', 'now')),
    latency_avg_ms integer,
    latency_min_ms integer,
    latency_max_ms integer,
    stt_provider text,
    stt_processing_avg_ms integer,
    stt_processing_min_ms integer,
    stt_processing_max_ms integer,
    stt_first_avg_ms integer,
    stt_first_min_ms integer,
    stt_first_max_ms integer,
    llm_provider text,
    llm_processing_avg_ms integer,
    llm_processing_min_ms integer,
    llm_processing_max_ms integer,
    llm_first_avg_ms integer,
    llm_first_min_ms integer,
    llm_first_max_ms integer,
    tts_provider text,
    tts_processing_avg_ms integer,
    tts_processing_min_ms integer,
    tts_processing_max_ms integer,
    tts_first_avg_ms integer,
    tts_first_min_ms integer,
    tts_first_max_ms integer
);
