-- What is kept of a telephone call.

create table if not exists conversations (
    id uuid not null primary key,
    call_sid text,
    direction text,
    caller text,
    called text,
    persona text,
    language text,
    answered_by text,
    node text,
    claim_id text,
    claim_date date,
    claim_status text,
    claim_amount numeric,
    state text,
    fields jsonb,
    outcome text,
    departure text,
    recording text,
    usage jsonb,
    cost numeric,
    created_at timestamptz not null default now(),
    ended_at timestamptz,
    duration_ms bigint
);

create index if not exists conversations_created_at on conversations (created_at);
create index if not exists conversations_call_sid on conversations (call_sid);
create index if not exists conversations_caller on conversations (caller);
create index if not exists conversations_called on conversations (called);
create index if not exists conversations_claim_id on conversations (claim_id);

create table if not exists turns (
    conversation_id uuid not null references conversations (id) on delete cascade,
    position bigint not null,
    turn bigint,
    revision bigint,
    speaker text,
    text text,
    intended text,
    ending text,
    confidence numeric,
    created_at timestamptz not null default now(),
    primary key (conversation_id, position)
);

create index if not exists turns_created_at on turns (created_at);

create table if not exists call_events (
    conversation_id uuid not null references conversations (id) on delete cascade,
    position bigint not null,
    event text,
    data jsonb,
    created_at timestamptz not null default now(),
    primary key (conversation_id, position)
);

create index if not exists call_events_created_at on call_events (created_at);

create table if not exists conversation_metrics (
    conversation_id uuid not null primary key references conversations (id) on delete cascade,
    turns bigint,
    interruptions bigint,
    created_at timestamptz not null default now(),
    latency_avg_ms bigint,
    latency_min_ms bigint,
    latency_max_ms bigint,
    stt_provider text,
    stt_processing_avg_ms bigint,
    stt_processing_min_ms bigint,
    stt_processing_max_ms bigint,
    stt_first_avg_ms bigint,
    stt_first_min_ms bigint,
    stt_first_max_ms bigint,
    llm_provider text,
    llm_processing_avg_ms bigint,
    llm_processing_min_ms bigint,
    llm_processing_max_ms bigint,
    llm_first_avg_ms bigint,
    llm_first_min_ms bigint,
    llm_first_max_ms bigint,
    tts_provider text,
    tts_processing_avg_ms bigint,
    tts_processing_min_ms bigint,
    tts_processing_max_ms bigint,
    tts_first_avg_ms bigint,
    tts_first_min_ms bigint,
    tts_first_max_ms bigint
);

-- Supabase gives its anon key every table of this schema. There is no policy, so that it reads no row;
-- the owner of the tables and the service role are not held to policies.
alter table conversations enable row level security;
alter table turns enable row level security;
alter table call_events enable row level security;
alter table conversation_metrics enable row level security;
