// Asking the model, with tools that the script runs.

/**
 * A tool that the model may call. `parameters`: a JSON schema of an object. `run(arguments)`: a generator,
 * or a plain function; what it returns is told to the model, a text as it is, anything else as JSON. It runs
 * once for each call, beside the script: a caller who cuts in does not stop it, and the model learns its
 * result later.
 */
export function tool(name, description, parameters, run) {
  return { name, description, parameters: JSON.stringify(parameters), run };
}

/** The question, as `call.ask` takes it: see there. */
export function question(id, instructions, manner, asked) {
  const { tools = [], about, schema, aloud = true, toolChoice = 'auto', maxTokens, temperature } = asked;
  return {
    id,
    instructions,
    context: about === undefined ? { tag: 'conversation' } : { tag: 'messages', val: about },
    tools: tools.map(({ name, description, parameters }) => ({ name, description, parameters })),
    toolChoice,
    schema: schema === undefined ? null : JSON.stringify(schema),
    maxTokens: maxTokens ?? null,
    temperature: temperature ?? null,
    aloud: aloud && schema === undefined ? manner : null,
  };
}

/** Answers calls for tools until the report of the question comes. */
export function* answering(call, line, id, tools) {
  const take = ({ tag, val }) =>
    (tag === 'tool-call' && val.question === id) || (tag === 'done' && val.id === id) ? val : undefined;
  for (;;) {
    const taken = yield* call.wait(take);
    if (taken.call === undefined) return taken;
    run(line, tools, taken.call);
  }
}

/** Runs a tool beside the script. */
function run(line, tools, asked) {
  const answer = (content) => line.actions.push({ tag: 'tool-result', val: { id: asked.id, content } });
  const tool = tools.find(({ name }) => name === asked.name);
  if (tool === undefined) return answer(`there is no tool ${JSON.stringify(asked.name)}`);
  let given;
  try {
    given = JSON.parse(asked.arguments);
  } catch (e) {
    return answer(`the arguments are not JSON: ${e.message}`);
  }
  function* running() {
    const ran = tool.run(given);
    const result = typeof ran?.next === 'function' ? yield* ran : ran;
    answer(typeof result === 'string' ? result : JSON.stringify(result ?? null));
  }
  line.tasks.push(running());
}
