WITH `t13` AS (
  SELECT
    `t5`.`key`,
    `t6`.`at`,
    `t6`.`period`,
    (
      `t5`.`key` * 3
    ) + `t6`.`position` + 1 AS `cell`
  FROM `passed_in_1` AS `t5`
  CROSS JOIN `passed_in_2` AS `t6`
), `t32` AS (
  SELECT
    `t31`.`key`,
    `t31`.`since`,
    MAX(`t31`.`until`) OVER (
      PARTITION BY `t31`.`key`, `t31`.`seat`
      ORDER BY `t31`.`since` ASC NULLS LAST, `t31`.`until` ASC NULLS LAST
      ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ) AS `before`,
    MAX(`t31`.`until`) OVER (
      PARTITION BY `t31`.`key`, `t31`.`seat`
      ORDER BY `t31`.`since` ASC NULLS LAST, `t31`.`until` ASC NULLS LAST
      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS `latest`,
    LEAD(`t31`.`since`) OVER (
      PARTITION BY `t31`.`key`, `t31`.`seat`
      ORDER BY `t31`.`since` ASC NULLS LAST, `t31`.`until` ASC NULLS LAST
    ) AS `following`
  FROM (
    SELECT
      *
    FROM (
      SELECT
        (
          `t29`.`number` * 1
        ) + `t29`.`key` AS `key`,
        `t29`.`seat`,
        GREATEST(`t29`.`login`, 1788220800) AS `since`,
        LEAST(COALESCE(`t29`.`logout`, 8589934592), 1788228000) AS `until`
      FROM (
        SELECT
          `t28`.`tenant`,
          `t28`.`agent`,
          `t28`.`place`,
          `t28`.`seat`,
          `t28`.`login`,
          `t28`.`logout`,
          `t28`.`number`,
          `t10`.`key`
        FROM (
          SELECT
            `t26`.`tenant`,
            `t26`.`agent`,
            `t26`.`place`,
            CASE
              WHEN `t26`.`place` <> ''
              THEN CONCAT('place ', `t26`.`place`)
              WHEN `t26`.`dn` <> ''
              THEN CONCAT('DN ', `t26`.`dn`)
              WHEN `t26`.`agent` <> ''
              THEN CONCAT('agent ', `t26`.`agent`)
              ELSE CONCAT('session ', `t26`.`session_id`)
            END AS `seat`,
            `t26`.`login`,
            `t26`.`logout`,
            0 AS `number`
          FROM (
            SELECT
              `t7`.`source`,
              `t7`.`session_id`,
              `t7`.`tenant`,
              `t7`.`agent`,
              `t7`.`place`,
              `t7`.`dn`,
              `t7`.`switch_kind`,
              `t7`.`media`,
              `t7`.`client`,
              `t7`.`queues`,
              `t7`.`login`,
              COALESCE(`t7`.`logout`, `t25`.`last`) AS `logout`,
              `t7`.`estimated` OR (
                `t25`.`last` IS NOT NULL
              ) AS `estimated`
            FROM `sessions` AS `t7`
            LEFT OUTER JOIN (
              SELECT
                `t23`.`fact`,
                `t23`.`last`
              FROM (
                SELECT
                  `t22`.`fact`,
                  MAX(`t22`.`ended`) AS `last`,
                  COUNT(*) AS `sources`,
                  COUNT(`t22`.`ended`) AS `dead`
                FROM (
                  SELECT
                    `t21`.`fact`,
                    `t21`.`observer`,
                    MIN(`t21`.`ended`) AS `ended`
                  FROM (
                    SELECT
                      `t19`.`fact`,
                      `t19`.`observer`,
                      `t12`.`ended`
                    FROM (
                      SELECT
                        *
                      FROM (
                        SELECT
                          `t11`.`session_id` AS `fact`,
                          `t11`.`login` AS `begins`,
                          EXPLODE(SPLIT(`t11`.`source`, '[|]')) AS `observer`
                        FROM (
                          SELECT
                            *
                          FROM `sessions` AS `t3`
                          WHERE
                            `t3`.`logout` IS NULL
                        ) AS `t11`
                      ) AS `t15`
                      WHERE
                        `t15`.`observer` <> ''
                    ) AS `t19`
                    LEFT OUTER JOIN (
                      SELECT
                        `t4`.`source` AS `observer`,
                        `t4`.`ended`
                      FROM `ends` AS `t4`
                    ) AS `t12`
                      ON `t19`.`observer` = `t12`.`observer` AND `t12`.`ended` >= `t19`.`begins`
                  ) AS `t21`
                  GROUP BY
                    1,
                    2
                ) AS `t22`
                GROUP BY
                  1
              ) AS `t23`
              WHERE
                `t23`.`sources` = `t23`.`dead`
            ) AS `t25`
              ON `t7`.`session_id` = `t25`.`fact`
          ) AS `t26`
          WHERE
            CONTAINS(`t26`.`media`, '|email|')
        ) AS `t28`
        INNER JOIN (
          SELECT
            `t2`.`key`,
            `t2`.`tenant`
          FROM `passed_in_3` AS `t2`
        ) AS `t10`
          ON `t28`.`tenant` = `t10`.`tenant`
      ) AS `t29`
    ) AS `t30`
    WHERE
      `t30`.`since` < `t30`.`until`
  ) AS `t31`
)
SELECT
  `t44`.`key`,
  `t44`.`period`,
  `t44`.`seats`,
  SUM(`t44`.`seconds`) AS `seconds`,
  SUM(`t44`.`logins`) AS `logins`
FROM (
  SELECT
    `t43`.`event`,
    `t43`.`moment`,
    `t43`.`cell`,
    `t43`.`seats`,
    `t43`.`seconds`,
    `t43`.`logins`,
    `t18`.`key`,
    `t18`.`at`,
    `t18`.`period`
  FROM (
    SELECT
      `t41`.`event`,
      `t41`.`moment`,
      `t41`.`cell`,
      `t41`.`seats`,
      `t41`.`seconds`,
      CAST((
        `t41`.`event` & 3
      ) = 2 AS BIGINT) AS `logins`
    FROM (
      SELECT
        `t40`.`event`,
        `t40`.`moment`,
        `t40`.`cell`,
        `t40`.`seats`,
        `t40`.`moment` - LAG(`t40`.`moment`) OVER (
          ORDER BY `t40`.`event` ASC NULLS LAST, IF((
            `t40`.`event` & 3
          ) = 0, -(
            `t40`.`seats`
          ), `t40`.`seats`) ASC NULLS LAST
        ) AS `seconds`
      FROM (
        SELECT
          `t39`.`event`,
          (
            SHIFTRIGHT(`t39`.`event`, 2)
          ) & 17179869183 AS `moment`,
          SHIFTRIGHT(`t39`.`before`, 32) AS `cell`,
          `t39`.`before` & 4294967295 AS `seats`
        FROM (
          SELECT
            `t38`.`event`,
            `t38`.`change`,
            SUM(`t38`.`change`) OVER (
              ORDER BY `t38`.`event` ASC NULLS LAST
              ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
            ) - `t38`.`change` AS `before`
          FROM (
            SELECT
              `t37`.`event`,
              CASE
                WHEN (
                  `t37`.`event` & 3
                ) = 2
                THEN 1
                WHEN (
                  `t37`.`event` & 3
                ) = 0
                THEN -1
                ELSE 4294967296
              END AS `change`
            FROM (
              SELECT
                *
              FROM (
                SELECT
                  *
                FROM (
                  SELECT
                    (
                      `t33`.`key` * 68719476736
                    ) + (
                      (
                        `t33`.`since` - 1788220800
                      ) * 4
                    ) + 2 AS `event`
                  FROM `t32` AS `t33`
                  WHERE
                    (
                      `t33`.`before` IS NULL
                    ) OR (
                      `t33`.`since` > `t33`.`before`
                    )
                ) AS `t34`
                UNION ALL
                SELECT
                  *
                FROM (
                  SELECT
                    (
                      `t33`.`key` * 68719476736
                    ) + (
                      (
                        `t33`.`latest` - 1788220800
                      ) * 4
                    ) + 0 AS `event`
                  FROM `t32` AS `t33`
                  WHERE
                    (
                      `t33`.`following` IS NULL
                    ) OR (
                      `t33`.`following` > `t33`.`latest`
                    )
                ) AS `t35`
              ) AS `t36`
              UNION ALL
              SELECT
                *
              FROM (
                SELECT
                  (
                    `t14`.`key` * 68719476736
                  ) + (
                    (
                      `t14`.`at` - 1788220800
                    ) * 4
                  ) + 1 AS `event`
                FROM `t13` AS `t14`
              ) AS `t20`
            ) AS `t37`
          ) AS `t38`
        ) AS `t39`
      ) AS `t40`
    ) AS `t41`
  ) AS `t43`
  INNER JOIN (
    SELECT
      *
    FROM `t13` AS `t14`
    WHERE
      `t14`.`period` >= 0
  ) AS `t18`
    ON `t43`.`cell` = `t18`.`cell`
) AS `t44`
GROUP BY
  1,
  2,
  3
