import { expect, it } from 'vitest';
import { because } from '../../failure/failure.ts';
import { adviseOn, withAdvice } from './advice.ts';

it('says which flag helps, behind the message of the outermost error', () => {
  const cause = because(new RangeError('it has NaN'), { code: 'not-finite' });
  const error = new Error('Cannot restore a.png: it has NaN', { cause: new Error('between', { cause }) });
  expect(adviseOn(error)).toBe(
    'Cannot restore a.png: it has NaN. Try --device cpu; on the CPU it means damaged weights',
  );
  expect(withAdvice('there is none', { code: 'no-picture-in-folder', recursive: false })).toBe(
    'there is none; --recursive also looks into the folders inside it',
  );
});

it('goes by the cause that is nearest to the user', () => {
  const cause = because(new Error('it has NaN'), { code: 'not-finite' });
  const error = because(new Error('Training diverged', { cause }), {
    code: 'training-diverged',
    iteration: 3,
  });
  expect(adviseOn(error)).toBe('Training diverged');
});

it('knows a want of memory by its words, and leaves other messages alone', () => {
  const cause = new Error('std::bad_alloc');
  expect(adviseOn(new Error('Cannot restore a.png: there is not enough memory', { cause }))).toBe(
    'Cannot restore a.png: there is not enough memory: close other programs, or take --memory low',
  );
  expect(adviseOn(new Error('Cannot read a.png: permission denied'))).toBe(
    'Cannot read a.png: permission denied',
  );
  expect(adviseOn('stopped')).toBe('stopped');
});
